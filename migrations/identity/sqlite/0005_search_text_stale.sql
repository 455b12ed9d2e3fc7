-- +goose Up
-- The queue of the rows whose search_text an earlier release made: it holds a character that is folded since, or the name holds an accent for an
-- apostrophe. Each that is recomputed leaves the index. platform/database/stale.go writes the condition.
CREATE INDEX users_search_text_stale_idx ON users (id)
    WHERE (search_text GLOB char(42, 91, 96, 697, 699, 45, 703, 712, 714, 45, 715, 1370, 1523, 8216, 45, 8219, 8242, 8245, 8249, 45, 8250, 10075, 45, 10076, 42891, 45, 42892, 171, 187, 698, 750, 1524, 8220, 45, 8223, 10077, 45, 10078, 12317, 45, 12319, 727, 1418, 1470, 5120, 6150, 8208, 45, 8213, 8259, 8722, 11799, 11802, 11834, 45, 11835, 11840, 12316, 12336, 12448, 8260, 8725, 133, 5760, 8232, 45, 8233, 10240, 173, 1564, 1600, 4447, 45, 4448, 6158, 8203, 45, 8207, 8234, 45, 8238, 8288, 45, 8303, 65279, 65529, 45, 65531, 917505, 917536, 45, 917631, 230, 339, 254, 384, 595, 240, 273, 598, 45, 599, 603, 295, 305, 616, 409, 322, 331, 626, 248, 596, 359, 649, 436, 1609, 1740, 1705, 93, 42) OR name GLOB char(42, 91, 96, 180, 900, 8125, 8127, 8189, 8190, 93, 42) AND instr(search_text, '''') = 0);
-- 0002 made search texts without folding them. A zero-width space, which is not searched for, puts those that may differ into the queue.
UPDATE users SET search_text = search_text || char(8203)
    WHERE search_text = lower(name) || char(10) || lower(email) AND name || email GLOB char(42, 91, 94, 1, 45, 127, 93, 42);
