"""What several feeds read alike: strict JSON and XML, text, dates, pay, codes."""
