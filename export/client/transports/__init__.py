"""The ways to a server: REST and gRPC."""
