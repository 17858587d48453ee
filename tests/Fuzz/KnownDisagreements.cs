using System;
using Qed.Images;
using Qed.Units;

namespace Qed.Tests.Fuzzing;

/// <summary>Where QEMU 7.2 reads a damaged image otherwise than the format's specification, or than we do, and why that is right.</summary>
internal static class KnownDisagreements
{
    private const int Sector = 512;

    /// <returns>Null where none is known.</returns>
    internal static string? ReasonFor(Mutant mutant, ReadOnlyTrial reading, byte[] theirs)
    {
        ReadOnlySpan<byte> ours = reading.Content;
        int common = Math.Min(ours.Length, theirs.Length);
        int apart = Math.Abs(ours.Length - theirs.Length);
        bool isAlike = ours[..common].SequenceEqual(theirs.AsSpan(0, common));
        return reading.Format.Name switch
        {
            "vmdk" when apart == 0 && IsSoundWhereDifferent(mutant, ours, theirs) => "the redundant tables of a VMDK are used where the others are damaged",
            "vhd" when mutant.Seed.Name == "differencing" && IsSoundWhereDifferent(mutant, ours[..common], theirs) => "QEMU reads nothing beneath a differencing VHD",
            "vhd" when apart == 0 && mutant.Seed.Name != "fixed" && IsZeroWhereDifferent(ours, theirs) => "QEMU passes over the sector bitmaps of a VHD",
            "vhd" when apart > 0 && isAlike => "QEMU takes a VHD's size from its geometry, or its footer from the file's start",
            "qcow2" or "vdi" when apart is > 0 and < Sector && isAlike => "QEMU rounds sizes to sectors",
            _ => null,
        };
    }

    /// <summary>Whether each byte that QEMU reads otherwise is, as we read it, that of the image before anything was wrong with it.</summary>
    private static bool IsSoundWhereDifferent(Mutant mutant, ReadOnlySpan<byte> ours, ReadOnlySpan<byte> theirs)
    {
        using var meter = new WorkMeter();
        using var sound = new Mutant(mutant.Seed, mutant.Number);
        using DiskImage image = new FuzzFiles(sound, meter).OpenChain(mutant.Seed.Format);
        byte[] right = new byte[ours.Length];
        image.Read(default(GuestOffset), right.AsSpan(0, (int)Math.Min(right.Length, image.Length)));
        for (int i = 0; i < ours.Length; i++)
        {
            if (ours[i] != theirs[i] && ours[i] != right[i])
                return false;
        }

        return true;
    }

    /// <summary>Whether each sector that QEMU reads otherwise is zeroes as we read it: its bit is clear.</summary>
    private static bool IsZeroWhereDifferent(ReadOnlySpan<byte> ours, ReadOnlySpan<byte> theirs)
    {
        for (int start = 0; start < ours.Length; start += Sector)
        {
            int length = Math.Min(Sector, ours.Length - start);
            ReadOnlySpan<byte> sector = ours.Slice(start, length);
            if (!sector.SequenceEqual(theirs.Slice(start, length)) && sector.ContainsAnyExcept((byte)0))
                return false;
        }

        return true;
    }
}
