"""How the system is put on a machine: locally (`deploy.local`), with Apache Kafka (`deploy.kafka`), in containers."""
