"""Bodies of requests and answers, plain pydantic."""
