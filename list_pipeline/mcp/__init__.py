"""The MCP server: a way in for language models, on the same operations as the command line and the HTTP service.

Belongs here: tools, one module a noun, who may call them, and how an answer looks. Does not belong here: any decision, and any
SQL. https://modelcontextprotocol.io
"""
