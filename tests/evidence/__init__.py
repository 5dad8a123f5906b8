"""What bench and crash share: real processes on a durable cluster, figures with an aim, documents written by them."""
