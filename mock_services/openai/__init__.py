"""The OpenAI stub: chat, responses, embeddings and models, answered by a script and paced as a model is."""
