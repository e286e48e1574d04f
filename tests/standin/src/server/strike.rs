//! Turns a fault into a reply.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::{Compression, write::GzEncoder};

use crate::config::Config;
use crate::faults::Fault;
use crate::http::{Delivery, Reply, Request};

use super::auth;

/// Depth of [`Fault::DeepReply`].
const DEPTH: usize = 200_000;

/// The reply that is sent instead of the right one, for faults that replace it.
pub(super) fn instead(config: &Config, request: &Request, fault: Fault) -> Option<Reply> {
    let seconds = config.faults.retry_after.as_secs();
    let too_many = || Reply::html(429, "Too Many Requests", "Rate limit exceeded.");
    Some(match fault {
        Fault::TooMany => too_many().with("Retry-After", seconds.to_string()),
        Fault::TooManyDate => {
            too_many().with("Retry-After", httpdate::fmt_http_date(whole_second_after(seconds)))
        }
        Fault::TooManyZero => too_many().with("Retry-After", "0"),
        Fault::TooManyText => Reply::text(
            429,
            "Your network has used too much of this server's time. Please come back later.\n",
        ),
        Fault::InternalError => {
            Reply::html(500, "Oops, you've found a dead link", "Internal server error")
        }
        Fault::BadGateway => {
            Reply::html(502, "502 Proxy Error", "The proxy server received an invalid response.")
        }
        Fault::Unavailable => {
            Reply::html(503, "Service Temporarily Unavailable", "Maintenance, back soon.")
                .with("Retry-After", seconds.to_string())
        }
        Fault::GatewayTimeout => {
            Reply::html(504, "504 Gateway Timeout", "The server did not answer in time.")
        }
        Fault::Html => Reply::html(200, "Log in - Stand-in", "Loading…"),
        Fault::Login => {
            let path = request.target.strip_prefix(&config.context_path).unwrap_or(&request.target);
            let path: String = path
                .bytes()
                .map(|b| {
                    if b.is_ascii_alphanumeric() {
                        char::from(b).to_string()
                    } else {
                        format!("%{b:02X}")
                    }
                })
                .collect();
            let location = format!("{}/login.jsp?os_destination={path}", config.context_path);
            Reply::html(302, "Found", "Log in first.").with("Location", location)
        }
        Fault::Redirect => Reply::html(302, "Found", "The resource has moved.").with(
            "Location",
            format!("{}{}", config.redirect_to.as_deref().unwrap_or(""), request.target),
        ),
        Fault::Unauthorized => auth::failed(),
        Fault::Bomb => Reply { encoding: Some("gzip"), ..Reply::json(200, bomb()) },
        Fault::DeepReply => Reply::json(200, "[".repeat(DEPTH) + &"]".repeat(DEPTH)),
        Fault::EmptyReply => Reply::json(200, ""),
        Fault::Reset => Reply { delivery: Delivery::NoReply, ..Reply::json(200, "") },
        _ => return None,
    })
}

/// Changes how the right reply reaches the client, for faults that do that.
pub(super) fn deliver(config: &Config, reply: &mut Reply, fault: Fault) {
    reply.delivery = match fault {
        Fault::ResetInHeaders => Delivery::CutInHead,
        Fault::ResetInBody => Delivery::CutInBody,
        Fault::Truncated => Delivery::Truncated,
        Fault::ShortLength => Delivery::ShortLength,
        Fault::ChunkedCut => Delivery::ChunkedCut,
        Fault::CloseCut => Delivery::CloseCut,
        Fault::Drip => Delivery::Drip(config.faults.drip.as_millis() as u64),
        Fault::Hang => {
            reply.delay = config.faults.hang;
            reply.delivery
        }
        _ => reply.delivery,
    };
    match fault {
        // Encoded already, as far as the rest of the server can see.
        Fault::WrongEncoding => reply.encoding = Some("gzip"),
        Fault::DoubleEncoding => {
            reply.body = packed(&packed(&reply.body));
            reply.encoding = Some("gzip");
        }
        Fault::Bom => reply.body.splice(..0, *b"\xef\xbb\xbf").for_each(drop),
        Fault::HugeHeaders => {
            let value = "tide".repeat(1 << 11);
            reply.headers.extend((0..256).map(|_| ("X-Padding", value.clone())));
        }
        Fault::ManyCookies => {
            static NAMES: AtomicU64 = AtomicU64::new(0);
            let value = "tide".repeat(1 << 8);
            let cookie = |_| {
                let name = NAMES.fetch_add(1, Relaxed);
                ("Set-Cookie", format!("c{name}={value}; Path=/"))
            };
            reply.headers.extend((0..50).map(cookie));
        }
        _ => {}
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// An object with 256 MB of spaces in it, packed once and kept.
fn bomb() -> Vec<u8> {
    static PACKED: OnceLock<Vec<u8>> = OnceLock::new();
    let pack = || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let spaces = vec![b' '; 1 << 20];
        let mut write = |bytes: &[u8]| encoder.write_all(bytes);
        // Writing to memory does not fail.
        _ = write(b"{\"issues\":[")
            .and_then(|()| (0..256).try_for_each(|_| write(&spaces)))
            .and_then(|()| write(b"]}"));
        encoder.finish().unwrap_or_default()
    };
    PACKED.get_or_init(pack).clone()
}

/// An HTTP date has no fractions, so the first one that is at least so many seconds away.
fn whole_second_after(seconds: u64) -> SystemTime {
    let at = SystemTime::now() + Duration::from_secs(seconds);
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs() + u64::from(since.subsec_nanos() > 0))
}
