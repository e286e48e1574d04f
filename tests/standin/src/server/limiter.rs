//! A token bucket, as Data Center's rate limiting has one.

use std::time::Instant;

use crate::http::Reply;

/// The tokens left.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Negative one means: not used yet.
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new() -> Self {
        Bucket { tokens: -1.0, filled: Instant::now() }
    }

    /// Takes a token; the reply if there is none. The bucket holds one second's worth.
    pub(crate) fn take(&mut self, per_second: f64) -> Option<Reply> {
        let size = per_second.max(1.0);
        let now = Instant::now();
        let filled = if self.tokens < 0.0 {
            size
        } else {
            self.tokens + (now - self.filled).as_secs_f64() * per_second
        };
        self.tokens = filled.min(size);
        self.filled = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return None;
        }
        let wait = ((1.0 - self.tokens) / per_second).ceil().max(1.0);
        let reply = Reply::text(429, "Rate limit exceeded.\n")
            .with("Retry-After", format!("{wait}"))
            .with("X-RateLimit-Limit", format!("{size:.0}"))
            .with("X-RateLimit-Remaining", "0")
            .with("X-RateLimit-FillRate", format!("{per_second}"))
            .with("X-RateLimit-Interval-Seconds", "1");
        Some(reply)
    }
}
