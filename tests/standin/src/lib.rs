//! A stand-in for a Jira Data Center server: synthetic issues and faults on demand.
