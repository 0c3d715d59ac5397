// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import "errors"

type none struct{}

func startCluster(none) (any, error) { return nil, errors.New("later") }
func joinAll(none) (any, error)      { return nil, errors.New("later") }
func gather(none) (any, error)       { return nil, errors.New("later") }
func usage(none) (any, error)        { return nil, errors.New("later") }
func killNode(none) (any, error)     { return nil, errors.New("later") }
func knowledge(none) (any, error)    { return nil, errors.New("later") }
func stopCluster(none) (any, error)  { return nil, errors.New("later") }
