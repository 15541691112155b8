//! Object stores, tested with a small server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use crate::support::{portrait, run};

/// Files by path; paths begin with `/`.
type Files = Arc<Vec<(&'static str, Vec<u8>)>>;

/// Serves files: GET, HEAD and ranges; lists of them as S3 gives them for `/bucket`, and as WebDAV.
fn serve(files: Vec<(&'static str, Vec<u8>)>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let files: Files = Arc::new(files);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, files) = (stream.unwrap(), Arc::clone(&files));
            std::thread::spawn(move || while answer(&stream, &files).is_some() {});
        }
    });
    port
}

/// Answers one request; `None` if there are no more.
fn answer(mut stream: &TcpStream, files: &Files) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = vec![];
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line);
    }
    let (method, target) = lines[0].split_once(' ').unwrap();
    let target = target.split(' ').next().unwrap().replace("%2F", "/").replace("%3D", "=");
    let header = |name: &str| {
        let own = |line: &String| line.to_lowercase().strip_prefix(name).map(|value| value.trim().to_string());
        lines.iter().find_map(own)
    };
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    // The body of a list request does not matter.
    let length = header("content-length:").map_or(0, |length| length.parse().unwrap());
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).unwrap();
    let asked = path.strip_prefix("/bucket").unwrap_or(path);
    let found = files.iter().find(|(own, _)| *own == asked);
    let (status, body) = match (method, found) {
        ("PROPFIND", _) => ("207 Multi-Status".to_string(), listed_by_webdav(files, path).into_bytes()),
        ("GET", _) if query.contains("list-type=2") => ("200 OK".to_string(), listed_by_s3(files, query).into_bytes()),
        (_, None) => ("404 Not Found".to_string(), vec![]),
        (_, Some((_, content))) => match header("range: bytes=") {
            None => ("200 OK".to_string(), content.clone()),
            Some(range) => {
                let (from, to) = range.split_once('-').unwrap();
                let (from, to) = match from {
                    "" => (content.len() - to.parse::<usize>().unwrap(), content.len() - 1),
                    from => (from.parse().unwrap(), to.parse().unwrap_or(content.len() - 1).min(content.len() - 1)),
                };
                let status = format!("206 Partial Content\r\ncontent-range: bytes {from}-{to}/{}", content.len());
                (status, content[from..=to].to_vec())
            }
        },
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nlast-modified: Sun, 22 Jun 2025 10:00:00 GMT\r\netag: \"1\"\r\naccept-ranges: bytes\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    if method == "HEAD" { Some(()) } else { stream.write_all(&body).ok() }
}

fn listed_by_s3(files: &Files, query: &str) -> String {
    let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix=")).unwrap_or_default();
    let file = |(path, content): &(&str, Vec<u8>)| {
        let (key, size) = (path.trim_start_matches('/'), content.len());
        let entry = format!(
            "<Contents><Key>{key}</Key><LastModified>2025-06-22T10:00:00.000Z</LastModified><ETag>\"1\"</ETag><Size>{size}</Size></Contents>"
        );
        key.starts_with(prefix).then_some(entry)
    };
    let entries: String = files.iter().filter_map(file).collect();
    format!(
        "<?xml version=\"1.0\"?><ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
    )
}

fn listed_by_webdav(files: &Files, folder: &str) -> String {
    let file = |(path, content): &(&str, Vec<u8>)| {
        let size = content.len();
        let entry = format!(
            "<D:response><D:href>{path}</D:href><D:propstat><D:prop><D:getlastmodified>Sun, 22 Jun 2025 10:00:00 GMT</D:getlastmodified>\
             <D:getcontentlength>{size}</D:getcontentlength><D:resourcetype/></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
        );
        path.starts_with(folder).then_some(entry)
    };
    let entries: String = files.iter().filter_map(file).collect();
    format!("<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">{entries}</D:multistatus>")
}

/// Patterns and folders of every format, by HTTP and by S3.
#[test]
fn patterns_are_read_over_http_and_s3() {
    let file = |name: &str| std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let port = serve(vec![
        ("/shop/csv/m=1/a.csv", b"k;n\n1;2\n".to_vec()),
        ("/shop/csv/m=2/b.csv", b"n;k\n3;4\n".to_vec()),
        ("/shop/csv/_SUCCESS", vec![]),
        ("/shop/json/a.ndjson", b"{\"k\":1}\n{\"k\":2}\n".to_vec()),
        ("/shop/json/b.json", b"[{\"k\":3,\"n\":4}]".to_vec()),
        ("/shop/excel/a.xlsx", file("data/orders.xlsx")),
        ("/shop/parquet/a.parquet", file("data/sample/orders.parquet")),
        ("/shop/parquet/b.parquet", file("data/sample/orders.parquet")),
    ]);
    let rows = |sql: String| {
        let (code, out, errors) = run(portrait()
            .env("AWS_ENDPOINT", format!("http://127.0.0.1:{port}"))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "cn-north-1")
            .args(["-f", "csv", "-c", &sql]));
        assert_eq!(code, 0, "{sql}: {errors}");
        out
    };
    for store in [format!("http://127.0.0.1:{port}"), "s3://bucket".to_string()] {
        let csv = format!("SELECT sum(k), sum(n), sum(CAST(m AS INT)) FROM '{store}/shop/csv/*/*.csv'");
        assert_eq!(rows(csv).lines().last(), Some("5,5,3"), "{store}");
        let only = format!("SELECT sum(k) FROM '{store}/shop/csv/' WHERE m = 2");
        assert_eq!(rows(only).lines().last(), Some("4"), "{store}");
        let json = format!("SELECT sum(k), sum(n) FROM '{store}/shop/json/'");
        assert_eq!(rows(json).lines().last(), Some("6,4"), "{store}");
        let one = format!("SELECT sum(k) FROM read_json('{store}/shop/json/*.ndjson')");
        assert_eq!(rows(one).lines().last(), Some("3"), "{store}");
        let excel = format!("SELECT count(*) > 0 FROM read_excel('{store}/shop/excel/*.xlsx', sheet => 'Orders')");
        assert_eq!(rows(excel).lines().last(), Some("true"), "{store}");
        let parquet = format!("SELECT count(*) FROM '{store}/shop/parquet/*.parquet'");
        assert_eq!(rows(parquet).lines().last(), Some("40000"), "{store}");
    }
}

#[test]
fn files_are_read_over_http_and_s3() {
    let content = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample/orders.parquet")).unwrap();
    let port = serve(vec![("/shop/orders.parquet", content.clone()), ("/orders.parquet", content)]);
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
