-- The orders that are read from text: 8,000,000 as CSV (700 MB), and 2,000,000 as objects on lines (300 MB).
COPY (SELECT * FROM sample_orders(rows => 8000000)) TO 'orders.csv';
COPY (SELECT * FROM sample_orders(rows => 2000000)) TO 'orders.ndjson';
