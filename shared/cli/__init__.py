"""The command line. Talks to people; decides nothing that an engine decides."""
