using System;

namespace Qed.Layout;

/// <summary>The incompatible feature bits of a QED header: an image with a bit unknown to the reader must not be opened.</summary>
[Flags]
internal enum QedFeatures : ulong
{
    /// <summary>No feature.</summary>
    None = 0,

    /// <summary>QED_F_BACKING_FILE: unallocated clusters are read from a backing file.</summary>
    BackingFile = 1,

    /// <summary>QED_F_NEED_CHECK: the image was not closed cleanly and needs a consistency check.</summary>
    NeedCheck = 2,

    /// <summary>QED_F_BACKING_FORMAT_NO_PROBE: the backing file is raw and must not be probed.</summary>
    BackingFormatNoProbe = 4,

    /// <summary>Every bit that the specification defines.</summary>
    Known = BackingFile | NeedCheck | BackingFormatNoProbe,
}
