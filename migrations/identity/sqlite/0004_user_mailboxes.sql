-- +goose Up
-- The mailbox of each account: the address in its normalised spelling (domain.Mailbox), which SQL cannot compute. The
-- program adds missing rows at its start, and later for accounts that an older release adds beside it. The foreign key
-- cascades: releases before this table delete users without knowing it, and no part of an address may remain.
CREATE TABLE user_mailboxes (
    user_id TEXT    PRIMARY KEY CONSTRAINT user_mailboxes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    mailbox TEXT    NOT NULL CONSTRAINT user_mailboxes_mailbox_check CHECK (length(mailbox) BETWEEN 1 AND 1000),
    holds   INTEGER NOT NULL CONSTRAINT user_mailboxes_holds_check CHECK (holds IN (0, 1)) -- 1: no new account may use the mailbox. Of older accounts that share a mailbox, one has 1
) STRICT;
CREATE INDEX user_mailboxes_mailbox_idx ON user_mailboxes (mailbox);
CREATE UNIQUE INDEX user_mailboxes_holder_idx ON user_mailboxes (mailbox) WHERE holds;
