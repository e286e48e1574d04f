//! From stored records to outputs: map, transforms, tasks, sinks.
