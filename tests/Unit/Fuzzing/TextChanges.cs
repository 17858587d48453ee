using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Qed.Tests.Fuzzing.Anatomy;

namespace Qed.Tests.Fuzzing;

/// <summary>Makes names and descriptors hostile.</summary>
internal static class TextChanges
{
    private static readonly string[] Names =
    [
        "/etc/passwd", "../base.raw", "..", ".", "", "/", "json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}", "nbd://127.0.0.1/x",
        "file:///etc/passwd", "fat:/etc", "image.qed", "image.vmdk", "base.vmdk", "base.raw", "/memory/image.qed", "\\\\server\\share\\x", "C:\\x.vhd",
        "con", "x\0y", "a/../../b", "./image-flat.vmdk", "/dev/stdin", "\ufffd\ud800", "host_device:/dev/sda", "image.qcow2\n", "-",
    ];

    private static readonly string[] Lines =
    [
        "RW 4 FLAT \"/etc/passwd\" 0", "RW 99999999999999999999 SPARSE \"x.vmdk\"", "RW 600 SPARSE \"image.vmdk\"", "RW 200 FLAT \"image-flat.vmdk\" 9223372036854775807",
        "RDONLY 18446744073709551615 ZERO", "RW 0 ZERO", "RW -1 ZERO", "NOACCESS 10 ZERO", "RW 200 VMFS \"../../image-flat.vmdk\" 0", "RW 9007199254740992 ZERO",
        "createType=\"custom\"", "createType=\"fullDevice\"", "parentCID=00000000", "parentFileNameHint=\"/etc/shadow\"", "encoding=\"UTF-16\"", "version=4", "CID=zz",
        "# Disk DescriptorFile", "RW 200 FLAT image-flat.vmdk", "RW 1 FLAT \"image-flat.vmdk\" 199 5 5", "=", "\"", "RW 200 FLAT \"image-flat.vmdk", "[digest]",
    ];

    private static readonly string[] Numbers = ["0", "1", "-1", "4294967296", "9223372036854775807", "18446744073709551615", "99999999999999999999999", "0x10", "1e5", "007"];

    internal static void Apply(Mutant mutant, TextRange text, Random random)
    {
        if (text.Offset + text.Length > mutant[text.File].Length)
            return;
        mutant.HasHostileText = true;
        byte[] changed = text.Kind switch
        {
            TextKind.Lines => Encoding.Latin1.GetBytes(Change(Encoding.Latin1.GetString(mutant[text.File].Slice(text.Offset, text.Length)).TrimEnd('\0'), random)),
            TextKind.WideName => Encoding.Unicode.GetBytes(Name(random)),
            _ => Encoding.UTF8.GetBytes(Name(random)),
        };
        int length = text.Length;
        // A descriptor that is a file of its own is as long as it is.
        if (text.Kind == TextKind.Lines && text.Offset == 0)
            mutant.SetLength(text.File, length = changed.Length);
        Span<byte> room = mutant.Change(text.File, text.Offset, length);
        changed.AsSpan(0, Math.Min(room.Length, changed.Length)).CopyTo(room);
        if (changed.Length < room.Length && random.Next(4) > 0)
            room.Slice(changed.Length).Clear();
        mutant.Note($"text of {text.File} at {text.Offset}: {Encoding.Latin1.GetString(changed, 0, Math.Min(400, changed.Length))}");
    }

    private static string Name(Random random) => random.Next(12) == 0 ? new string('a', 1 << random.Next(12)) : Names[random.Next(Names.Length)];

    private static string Change(string descriptor, Random random)
    {
        List<string> lines = [.. descriptor.Split('\n')];
        int line = random.Next(lines.Count);
        switch (random.Next(8))
        {
            case 0:
                lines.RemoveAt(line);
                break;
            case 1:
                lines.Insert(line, lines[random.Next(lines.Count)]);
                break;
            case 2 or 3:
                lines.Insert(line, Lines[random.Next(Lines.Length)]);
                break;
            case 4:
                lines[line] = string.Join(' ', lines[line].Split(' ').Reverse());
                break;
            case 5:
                lines[line] = Replace(lines[line], char.IsAsciiDigit, Numbers[random.Next(Numbers.Length)]);
                break;
            case 6:
                string[] parts = lines[line].Split('"');
                lines[line] = parts.Length > 1 ? $"{parts[0]}\"{Name(random)}\"{string.Join('"', parts.Skip(3))}" : Lines[random.Next(Lines.Length)];
                break;
            default:
                lines[line] = lines[line].ToUpperInvariant() + (random.Next(2) == 0 ? "\r" : "\0");
                break;
        }

        return string.Join('\n', lines);
    }

    /// <summary>Replaces the first run of characters of a kind.</summary>
    private static string Replace(string line, Func<char, bool> isOne, string by)
    {
        int start = 0;
        while (start < line.Length && !isOne(line[start]))
            start++;
        int end = start;
        while (end < line.Length && isOne(line[end]))
            end++;
        return line[..start] + by + line[end..];
    }
}
