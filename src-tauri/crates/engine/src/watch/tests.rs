//! News come in when they arrive, and watchers stay within the limits.
