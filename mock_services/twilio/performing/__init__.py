"""How a call performs TwiML's verbs: a module a family."""
