"""What a campaign would meet, found out without a send."""
