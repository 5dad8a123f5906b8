"""Apache Kafka on this machine without containers: its jars from Maven, one broker in KRaft mode."""
