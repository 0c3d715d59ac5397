//go:build nolabel

// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"errors"

	"github.com/hashicorp/memberlist"
)

// Versions before 0.3 have no label.
func setLabel(_ *memberlist.Config, label string) error {
	if label != "" {
		return errors.New("this version of memberlist has no label")
	}
	return nil
}
