"""The functions of the campaign, as case files: they are collected by path, as a user's are."""
