SELECT order_id, status, amount FROM sample_orders(rows => 2)
\gx
\g
