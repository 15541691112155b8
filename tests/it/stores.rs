//! Object stores, against a small server of our own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use crate::support::{portrait, run};

/// Serves one file at any path that ends in its name: GET, HEAD and ranges.
fn serve(content: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, content) = (stream.unwrap(), content.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                loop {
                    let mut lines = vec![];
                    loop {
                        let mut line = String::new();
                        if reader.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                        if line == "\r\n" {
                            break;
                        }
                        lines.push(line.to_lowercase());
                    }
                    let found = lines[0].contains("orders.parquet");
                    let range = lines.iter().find_map(|line| line.strip_prefix("range: bytes=")).map(|range| {
                        let (from, to) = range.trim().split_once('-').unwrap();
                        match from {
                            "" => (content.len() - to.parse::<usize>().unwrap(), content.len() - 1),
                            from => (from.parse().unwrap(), to.parse().unwrap_or(content.len() - 1).min(content.len() - 1)),
                        }
                    });
                    let (status, body) = match range {
                        _ if !found => ("404 Not Found".to_string(), &content[..0]),
                        Some((from, to)) => (
                            format!("206 Partial Content\r\ncontent-range: bytes {from}-{to}/{}", content.len()),
                            &content[from..=to],
                        ),
                        None => ("200 OK".to_string(), &content[..]),
                    };
                    let head = format!(
                        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nlast-modified: Sun, 22 Jun 2025 10:00:00 GMT\r\netag: \"1\"\r\naccept-ranges: bytes\r\n\r\n",
                        body.len()
                    );
                    stream.write_all(head.as_bytes()).unwrap();
                    if !lines[0].starts_with("head") {
                        stream.write_all(body).unwrap();
                    }
                }
            });
        }
    });
    port
}

#[test]
fn files_are_read_over_http_and_s3() {
    let content = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample/orders.parquet")).unwrap();
    let port = serve(content);
    let query = |place: &str| format!("SELECT count(*) AS n FROM '{place}'");
    let (code, out, errors) =
        run(portrait().args(["-f", "csv", "-c", &query(&format!("http://127.0.0.1:{port}/shop/orders.parquet"))]));
    assert_eq!((code, out.as_str()), (0, "n\n20000\n"), "{errors}");

    let s3 = |place: &str| {
        run(portrait()
            .env("AWS_ENDPOINT", format!("http://127.0.0.1:{port}"))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "cn-north-1")
            .args([
                "-f",
                "csv",
                "-c",
                &format!("CREATE EXTERNAL TABLE o STORED AS PARQUET LOCATION '{place}'; {}", "SELECT count(*) AS n FROM o"),
            ]))
    };
    let (code, out, errors) = s3("s3://bucket/orders.parquet");
    assert_eq!((code, out.as_str()), (0, "n\n20000\n"), "{errors}");
    let (code, _, errors) = s3("s3://bucket/nothing.parquet");
    assert!(code == 1 && errors.contains("s3://bucket/nothing.parquet"), "{errors}");
}
