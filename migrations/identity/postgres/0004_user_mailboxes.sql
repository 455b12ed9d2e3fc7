-- +goose Up
-- Which mailbox each account is of. A mailbox is the address in one spelling for all (domain.Mailbox), which SQL cannot compute: the
-- program adds the rows, at its start for accounts that have none yet, and from then on for those that an older release adds beside it.
-- Unlike all other foreign keys this one cascades: releases before this table delete users without knowing it, and no part of an
-- address may outlive its account.
CREATE TABLE user_mailboxes (
    user_id uuid    PRIMARY KEY CONSTRAINT user_mailboxes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    mailbox text    NOT NULL CONSTRAINT user_mailboxes_mailbox_check CHECK (length(mailbox) BETWEEN 1 AND 1000),
    holds   boolean NOT NULL -- keeps new accounts from the mailbox: of accounts that were there before and share one, one does
);
CREATE INDEX user_mailboxes_mailbox_idx ON user_mailboxes (mailbox);
CREATE UNIQUE INDEX user_mailboxes_holder_idx ON user_mailboxes (mailbox) WHERE holds;
