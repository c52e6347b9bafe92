"""What people hold: messages, answers, outcomes, errors. Pure values."""
