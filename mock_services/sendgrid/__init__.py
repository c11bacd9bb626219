"""A stub of SendGrid: it takes mails, checks them as SendGrid does, keeps them, and delivers none."""
