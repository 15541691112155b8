CREATE TABLE records AS SELECT customer_id, name, clean_phone(phone) AS phone, email, city, age FROM sample_customers(rows => 100000);
SELECT count(*) FROM match_pairs(records, key => customer_id,
  comparisons => [jaro_winkler(name), phone, email, exact(city, term_frequency => true), numeric_distance(age)],
  blocking => [l.phone = r.phone, l.email = r.email, l.name = r.name AND l.city = r.city]);
