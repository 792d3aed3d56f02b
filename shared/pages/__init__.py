"""What is made for people to read: text of a tenant made safe to look at, and HTML pages. The command line and the
functions use it; it decides nothing."""
