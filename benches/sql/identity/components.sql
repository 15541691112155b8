CREATE TABLE edges AS SELECT value % 900001 AS l, (value * 7919) % 899981 AS r FROM generate_series(1, 1000000);
SELECT count(*), count(DISTINCT component) FROM connected_components(edges, a => l, b => r);
