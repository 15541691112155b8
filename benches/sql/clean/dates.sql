-- parse_date over 1,000,000 dates in three forms.
CREATE TABLE dates AS
SELECT CASE value % 3 WHEN 0 THEN strftime(day, '%Y-%m-%d') WHEN 1 THEN strftime(day, '%Y年%m月%d日') ELSE strftime(day, '%d %b %Y') END AS date
FROM (SELECT value, DATE '2000-01-01' + CAST(value % 9000 AS INT) AS day FROM generate_series(1, 1000000) AS days(value)) AS days;
SELECT count(parse_date(date)) FROM dates;
