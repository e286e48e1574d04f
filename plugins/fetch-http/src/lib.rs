//! Fetch plugin http: requests over the network.
