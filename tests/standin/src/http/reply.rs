//! A reply, and the ways it can go wrong on the wire.

use std::io;
use std::time::{Duration, SystemTime};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// How the bytes of a reply reach the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Delivery {
    /// Whole, with the right `Content-Length`.
    #[default]
    Whole,
    /// The connection is reset before anything is sent.
    NoReply,
    /// The connection is reset inside the headers.
    CutInHead,
    /// The connection is reset inside the body.
    CutInBody,
    /// The connection ends before `Content-Length` bytes were sent.
    Truncated,
    /// `Content-Length` names half of the body; the rest follows all the same.
    ShortLength,
    /// A chunked body that ends without its last chunk.
    ChunkedCut,
    /// A body without length, ended by closing, that ends too early.
    CloseCut,
    /// Whole, but spread over this many milliseconds.
    Drip(u64),
}

/// A reply on its way out.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// The `Content-Encoding` that `body` has, if any.
    pub(crate) encoding: Option<&'static str>,
    pub(crate) delivery: Delivery,
    /// Wait this long before anything is sent.
    pub(crate) delay: Duration,
}

impl Reply {
    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply {
            status,
            content_type: "application/json;charset=UTF-8",
            body: body.into(),
            ..Reply::default()
        }
    }

    pub(crate) fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply {
            status,
            content_type: "text/plain; charset=UTF-8",
            body: body.into(),
            ..Reply::default()
        }
    }

    pub(crate) fn html(status: u16, title: &str, text: &str) -> Self {
        let body = format!(
            "<!DOCTYPE html>\n<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<p>{text}</p>\n</body>\n</html>\n"
        );
        Reply {
            status,
            content_type: "text/html;charset=UTF-8",
            body: body.into(),
            ..Reply::default()
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends the reply; returns the bytes sent and whether the connection can be used again.
    /// `before_last` is called before the last bytes leave: who has them all may at once
    /// send another request, which must not count as one more in flight.
    pub(crate) async fn send(
        self,
        stream: &mut TcpStream,
        keep_alive: bool,
        mut before_last: impl FnMut() + Send,
    ) -> io::Result<(u64, bool)> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        if !matches!(self.delivery, Delivery::Whole | Delivery::Drip(_)) {
            before_last();
        }
        let half = self.body.len() / 2;
        let body = &self.body;
        match self.delivery {
            Delivery::Whole => {
                let mut out = self.head(Some(body.len()), keep_alive);
                // One write for a small reply, two for a large one: the copy would cost more.
                if body.len() <= 16 << 10 {
                    out.extend_from_slice(body);
                    before_last();
                    stream.write_all(&out).await?;
                    return Ok((out.len() as u64, keep_alive));
                }
                let (most, last) = body.split_at(body.len() - (1 << 10));
                stream.write_all(&out).await?;
                stream.write_all(most).await?;
                before_last();
                stream.write_all(last).await?;
                Ok(((out.len() + body.len()) as u64, keep_alive))
            }
            Delivery::NoReply => reset(stream, &[]).await,
            Delivery::CutInHead => {
                let head = self.head(Some(body.len()), keep_alive);
                reset(stream, &head[..head.len() / 2]).await
            }
            Delivery::CutInBody => {
                let mut out = self.head(Some(body.len()), keep_alive);
                out.extend_from_slice(&body[..half]);
                reset(stream, &out).await
            }
            Delivery::Truncated => {
                let mut out = self.head(Some(body.len().max(1)), false);
                out.extend_from_slice(&body[..half]);
                finish(stream, &out).await
            }
            Delivery::ShortLength => {
                let mut out = self.head(Some(half), keep_alive);
                out.extend_from_slice(body);
                finish(stream, &out).await
            }
            Delivery::ChunkedCut => {
                let mut out = self.head(None, false);
                out.truncate(out.len() - 2);
                out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in body[..half].chunks(8 << 10) {
                    out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                }
                finish(stream, &out).await
            }
            Delivery::CloseCut => {
                let mut out = self.head(None, false);
                out.extend_from_slice(&body[..half]);
                finish(stream, &out).await
            }
            Delivery::Drip(millis) => {
                let head = self.head(Some(body.len()), keep_alive);
                stream.write_all(&head).await?;
                let steps = (millis / 50).max(1);
                let piece = body.len().div_ceil(steps as usize).max(1);
                for start in (0..body.len()).step_by(piece) {
                    tokio::time::sleep(Duration::from_millis(millis / steps)).await;
                    let end = (start + piece).min(body.len());
                    if end == body.len() {
                        before_last();
                    }
                    stream.write_all(&body[start..end]).await?;
                }
                Ok(((head.len() + body.len()) as u64, keep_alive))
            }
        }
    }

    /// The status line and the headers, blank line included.
    fn head(&self, length: Option<usize>, keep_alive: bool) -> Vec<u8> {
        let mut out = String::with_capacity(768);
        out.push_str("HTTP/1.1 ");
        out.push_str(&self.status.to_string());
        out.push(' ');
        out.push_str(reason(self.status));
        out.push_str("\r\n");
        let mut header = |name: &str, value: &str| {
            out.push_str(name);
            out.push_str(": ");
            out.push_str(value);
            out.push_str("\r\n");
        };
        header("Date", &httpdate::fmt_http_date(SystemTime::now()));
        header("Content-Type", self.content_type);
        for (name, value) in &self.headers {
            header(name, value);
        }
        if let Some(encoding) = self.encoding {
            header("Content-Encoding", encoding);
        }
        if let Some(length) = length {
            header("Content-Length", &length.to_string());
        }
        if !keep_alive {
            header("Connection", "close");
        }
        out.push_str("\r\n");
        out.into_bytes()
    }
}

/// Sends `bytes`, then resets the connection (RST, not FIN).
async fn reset(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<(u64, bool)> {
    if !bytes.is_empty() {
        stream.write_all(bytes).await?;
        stream.flush().await?;
        // Time for the client to read: a reset discards what it has not read yet.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stream.set_zero_linger()?;
    Ok((bytes.len() as u64, false))
}

/// Sends `bytes`, then closes the connection in good order.
async fn finish(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<(u64, bool)> {
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    Ok((bytes.len() as u64, false))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        410 => "Gone",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}
