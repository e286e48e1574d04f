//! From a server to the store: partitions, pages, children, completeness.
