package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
)

func (s *grants) Represented(ctx context.Context, user uuid.UUID, at time.Time) (ids []patients.ID, err error) {
	held := represented(s.db.Read(ctx).Model(&grantRow{}), user, at)
	err = held.Distinct("patient_id").Order("patient_id").Limit(patients.MaxRepresented).Pluck("patient_id", &ids).Error
	return ids, err
}
