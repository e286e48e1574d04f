//! Transform plugin jira_markup: Jira wiki markup to Markdown.
