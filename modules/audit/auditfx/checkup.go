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

// examineWithin is the time limit of Examine.
const examineWithin = 5 * time.Second

// tolerance is the accepted difference between the clocks of two instances.
const tolerance = time.Minute

// Examine reports whether checkpoints can be appended and match the trail in db, and whether the clock is behind the
// newest entry. It changes nothing.
func Examine(ctx context.Context, cfg trail.Config, db *database.DB) []checkup.Finding {
	ctx, cancel := context.WithTimeout(ctx, examineWithin)
	defer cancel()
	keys, err := newKeys(cfg)
	if err != nil {
		return []checkup.Finding{checkup.NewFinding(checkup.Fail, "checkpoints", "%v", err)}
	}
	now := clock.New().Now()
	segments, file := store.NewSegments(db), checkpoints.New(cfg, zap.NewNop())
	sealing := app.NewSealing(segments, keys, file, clock.New(), cfg)
	keeper := app.NewKeeper(segments, sealing, store.New(db), keys, file, clock.New(), cfg)
	findings := []checkup.Finding{examineFile(ctx, cfg.Checkpoints, keeper)}
	newest, err := keeper.Newest(ctx)
	switch {
	case err != nil:
		return append(findings, checkup.NewFinding(checkup.Fail, "clock",
			"cannot read the newest entry of the audit trail: %v", err))
	case newest.After(now.Add(tolerance)):
		return append(findings, checkup.NewFinding(checkup.Fail, "clock",
			"the clock shows %s, but the audit trail has an entry of %s: correct the clock",
			now.Format(time.RFC3339), newest.Format(time.RFC3339)))
	}
	return append(findings, checkup.NewFinding(checkup.OK, "clock", "not behind the newest entry of the audit trail"))
}

func examineFile(ctx context.Context, path string, keeper *app.Keeper) checkup.Finding {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_RDWR, 0) // #nosec G304 -- the operator's own configuration
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return checkup.NewFinding(checkup.Warn, "checkpoints",
				"neither %s nor its folder exists: mount or create the folder, or correct AUDIT_CHECKPOINTS", path)
		}
		return checkup.NewFinding(checkup.OK, "checkpoints",
			"%s does not exist yet; the service creates it with the first checkpoint", path)
	}
	if err != nil {
		return checkup.NewFinding(checkup.Fail, "checkpoints",
			"%v: the user of the service needs permission to read the file and append to it", err)
	}
	if err := errors.Join(file.Close(), keeper.Resume(ctx)); err != nil {
		return checkup.NewFinding(checkup.Fail, "checkpoints", "%s does not match the trail: %v", path, err)
	}
	return checkup.NewFinding(checkup.OK, "checkpoints", "%s is writable and matches the trail", path)
}
