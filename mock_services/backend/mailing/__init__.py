"""Mail to contacts: templates, campaigns, what became of each mail, and who wants no more of them."""
