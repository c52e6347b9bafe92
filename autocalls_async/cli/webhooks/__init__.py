"""`autocalls webhooks`: a ready receiver, and a look at one webhook."""
