// SPDX-License-Identifier: Apache-2.0
#pragma once
// Empty: libc++ includes it even where localisation is off.
