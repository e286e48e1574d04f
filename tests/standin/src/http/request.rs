//! Reads one request from a connection.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::uri::{parse_query, percent_decode};

const MAX_HEAD: usize = 64 << 10;
const MAX_BODY: usize = 64 << 20;

/// A request as it came in.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query exactly as sent.
    pub(crate) target: String,
    /// The path, decoded.
    pub(crate) path: String,
    /// The query's parameters in their order, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// Header names in lower case, values as sent.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) keep_alive: bool,
}

impl Request {
    /// The first header of that (lower-case) name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first query parameter of that name.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// The next request of a connection; `None` when the client closed it or sent
/// something that is not HTTP. `buffer` keeps what was read beyond the request.
pub(crate) async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Request>> {
    loop {
        if let Some((mut request, head_len, body_len)) = parse_head(buffer) {
            if body_len > MAX_BODY {
                return Ok(None);
            }
            if request.header("expect").is_some_and(|v| v.eq_ignore_ascii_case("100-continue")) {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            while buffer.len() < head_len + body_len {
                if stream.read_buf(buffer).await? == 0 {
                    return Ok(None);
                }
            }
            request.body = buffer[head_len..head_len + body_len].to_vec();
            buffer.drain(..head_len + body_len);
            return Ok(Some(request));
        }
        if buffer.len() > MAX_HEAD || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// The request whose head is complete in `buffer`, the head's length and the body's.
fn parse_head(buffer: &[u8]) -> Option<(Request, usize, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(head_len)) = parsed.parse(buffer) else {
        return None;
    };
    let target = parsed.path?.to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|h| (h.name.to_ascii_lowercase(), String::from_utf8_lossy(h.value).into_owned()))
        .collect();
    let request = Request {
        method: parsed.method?.to_owned(),
        path: percent_decode(path, false),
        query: parse_query(query),
        body: Vec::new(),
        keep_alive: false,
        headers,
        target: target.clone(),
    };
    let body_len = match request.header("content-length") {
        Some(length) => length.trim().parse().ok()?,
        None => 0,
    };
    let connection = request.header("connection").unwrap_or("").to_ascii_lowercase();
    let keep_alive =
        if parsed.version == Some(1) { connection != "close" } else { connection == "keep-alive" };
    Some((Request { keep_alive, ..request }, head_len, body_len))
}
