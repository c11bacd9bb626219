"""What the tests of mail send."""

TEMPLATE = {
    "name": "Spring",
    "subject": "Dear {{contact_name}}",
    "html_content": '<p>{{ greeting }} {{contact_name}}, {{what}}</p><a href="https://example.com/?a=1&amp;b=2">x</a>',
    "variables": ["greeting", "contact_name"],
}
