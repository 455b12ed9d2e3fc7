package auditfx

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	trail "healthcare/modules/audit"
	"healthcare/modules/audit/internal/adapters/checkpoints"
	"healthcare/modules/audit/internal/adapters/store"
	"healthcare/modules/audit/internal/app"
	"healthcare/platform/checkup"
	"healthcare/platform/clock"
	"healthcare/platform/database"
)

// examineWithin bounds each question to the store.
const examineWithin = 5 * time.Second

// tolerance is how far apart the clocks of two instances may be.
const tolerance = time.Minute

// Examine reports whether the checkpoints can be kept and fit the trail in db, and whether the clock is behind either. It changes nothing.
func Examine(ctx context.Context, cfg trail.Config, db *database.DB) []checkup.Finding {
	ctx, cancel := context.WithTimeout(ctx, examineWithin)
	defer cancel()
	keys, err := keys(cfg)
	if err != nil {
		return []checkup.Finding{checkup.NewFinding(checkup.Fail, "checkpoints", "%v", err)}
	}
	now := clock.New().Now()
	keeper := app.NewKeeper(store.New(db), keys, checkpoints.New(cfg, zap.NewNop()), clock.New(), cfg)
	found := []checkup.Finding{examineFile(ctx, cfg.Checkpoints, keeper)}
	newest, err := keeper.Newest(ctx)
	switch {
	case err != nil:
		return append(found, checkup.NewFinding(checkup.Fail, "clock", "the newest entry of the audit trail cannot be read: %v", err))
	case newest.After(now.Add(tolerance)):
		return append(found, checkup.NewFinding(checkup.Fail, "clock", "it is %s, but the audit trail has an entry of %s: correct the clock", now.Format(time.RFC3339), newest.Format(time.RFC3339)))
	}
	return append(found, checkup.NewFinding(checkup.OK, "clock", "it is not before the newest entry of the audit trail"))
}

func examineFile(ctx context.Context, path string, keeper *app.Keeper) checkup.Finding {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_RDWR, 0) // #nosec G304 -- the operator's own configuration
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return checkup.NewFinding(checkup.Warn, "checkpoints", "%s is not there, nor is its folder, which has to be made: mount it, or correct AUDIT_CHECKPOINTS", path)
		}
		return checkup.NewFinding(checkup.OK, "checkpoints", "%s is not there yet; the service makes it with the first one", path)
	}
	if err != nil {
		return checkup.NewFinding(checkup.Fail, "checkpoints", "%v: the user that the service runs as has to read it and append to it", err)
	}
	if err := errors.Join(file.Close(), keeper.Recall(ctx)); err != nil {
		return checkup.NewFinding(checkup.Fail, "checkpoints", "%s does not fit the trail: %v", path, err)
	}
	return checkup.NewFinding(checkup.OK, "checkpoints", "%s can be appended to and fits the trail", path)
}
