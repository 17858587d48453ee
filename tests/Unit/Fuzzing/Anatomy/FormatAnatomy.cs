using System;
using System.Collections.Generic;
using Qed.Formats;

namespace Qed.Tests.Fuzzing.Anatomy;

/// <summary>Where the structures of a format's files lie. It is told by the specification alone, not by what reads them.</summary>
internal abstract class FormatAnatomy
{
    /// <summary>The one of a format; null for one whose files are the guest's bytes.</summary>
    internal static FormatAnatomy? Of(ImageFormat format) => format.Name switch
    {
        "qed" => new QedAnatomy(),
        "qcow2" => new Qcow2Anatomy(),
        "vhd" => new VhdAnatomy(),
        "vhdx" => new VhdxAnatomy(),
        "vmdk" => new VmdkAnatomy(),
        "vdi" => new VdiAnatomy(),
        _ => null,
    };

    protected virtual bool IsBigEndian => false;

    /// <summary>What a sound file consists of.</summary>
    internal Findings Examine(string file, byte[] bytes)
    {
        var findings = new Findings(file, bytes, IsBigEndian);
        Find(findings);
        return findings;
    }

    /// <summary>Makes all checksums right, wherever their structures are at their places still.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="changed">Gets where that was.</param>
    internal virtual void Seal(Span<byte> bytes, List<(int Offset, int Length)> changed)
    {
    }

    protected abstract void Find(Findings findings);
}
