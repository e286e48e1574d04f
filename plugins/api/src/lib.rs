//! The traits that a plugin of scrape implements, and what it needs to implement them.
