//! robots.txt: read once for a host, before the first request, and obeyed.

use scrape_api::Method;
use url::Url;

use super::call::{Call, Failure, FailureScope, Reply, Target};
use super::cause::Cause;
use super::client::{Purpose, Shared};
use super::host::Host;
use super::robots::Robots;
use crate::observe::Event;
use crate::plan;

impl Shared {
    /// Reads the host's robots.txt, the first time, and obeys it.
    pub(crate) async fn check_robots(
        &self,
        host: &Host,
        call: &Call,
        url: &Url,
    ) -> Result<(), Failure> {
        if self.plan.http.robots == plan::Robots::Ignore {
            return Ok(());
        }
        host.robots.get_or_try_init(|| self.read_robots(host, url)).await?;
        match self.forbidden(host, url) {
            None => Ok(()),
            Some(pattern) => Err(Failure::Failed {
                scope: FailureScope::Partition,
                cause: Cause::from(format!(
                    "{}: robots.txt of {} forbids {} (Disallow: {pattern})",
                    call.label,
                    host.name,
                    url.path()
                )),
            }),
        }
    }

    /// The pattern of robots.txt that forbids a URL of the host.
    pub(crate) fn forbidden(&self, host: &Host, url: &Url) -> Option<String> {
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        host.robots.get()?.forbids(&path).map(str::to_owned)
    }

    async fn read_robots(&self, host: &Host, url: &Url) -> Result<Robots, Failure> {
        let call = Call {
            method: Method::Get,
            target: Target::Path(format!("{}/robots.txt", host.name)),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            label: String::from("robots.txt"),
        };
        let read = |reply: &Reply| {
            Ok(if (200..300).contains(&reply.status) {
                Robots::parse(&String::from_utf8_lossy(&reply.body))
            } else {
                Robots::default()
            })
        };
        // Boxed, since sending is what this is a part of.
        let sent = Box::pin(self.send(Purpose::Robots, |_| call.clone(), 0, read)).await;
        let robots = match sent {
            Ok(sent) => sent.value,
            Err(Failure::Failed {
                scope: FailureScope::Partition | FailureScope::Record,
                cause,
            }) => {
                let scope = if Host::name_of(&self.plan.http.base_url) == Host::name_of(url) {
                    FailureScope::Run
                } else {
                    FailureScope::Partition
                };
                let name = &host.name;
                // The first request of a run: where it has no reply, none will have.
                let text = match cause.status {
                    None => format!(
                        "{name} cannot be reached: {cause}\n  check the network, the address in \
                         `http.base_url` and the proxy (HTTPS_PROXY, NO_PROXY); then run it again"
                    ),
                    Some(_) => format!(
                        "{cause}; without robots.txt it is not known what may be asked of {name}"
                    ),
                };
                return Err(Failure::Failed { scope, cause: text.into() });
            }
            Err(failure) => return Err(failure),
        };
        if let (Some(delay), Some(pace)) = (robots.crawl_delay, &host.pace) {
            pace.set_crawl_delay(delay);
            self.observer.tell(&Event::CrawlDelay { host: &host.name, delay });
        }
        Ok(robots)
    }
}

/// Whether a status of robots.txt means that it forbids nothing: RFC 9309,
/// section 2.3.1.3. A redirect that is not followed comes here as well.
pub(crate) fn says_nothing(status: u16) -> bool {
    (300..500).contains(&status) && !matches!(status, 408 | 425 | 429)
}
