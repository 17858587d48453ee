using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Tests.Server;

/// <summary>What a client might say from its first byte to its last, and then something of it changed at random. The same seed gives the same bytes.</summary>
internal static class FuzzedConversation
{
    // Where lengths, counts and bits go wrong.
    private static readonly uint[] Telling = [0, 1, 2, 27, 28, 4096, 4097, 32768, 32769, 65536, 32 << 20, (32 << 20) + 1, 0x7fffffff, 0x80000000, 0xffffffff];

    internal static byte[] Make(int seed, long size)
    {
        var random = new Random(seed);
        List<byte[]> parts = Whole(random, size);
        for (int changes = random.Next(4); changes > 0; changes--)
            ChangeOrder(random, parts);
        byte[] bytes = [.. parts.SelectMany(part => part)];
        for (int changes = random.Next(8); changes > 0; changes--)
            bytes = Change(random, bytes);
        return bytes;
    }

    /// <summary>A conversation that a server has nothing to object to.</summary>
    private static List<byte[]> Whole(Random random, long size)
    {
        var parts = new List<byte[]> { NbdClient.Number((uint)random.Next(2) * 2 + 1) };
        for (int options = random.Next(5); options > 0; options--)
        {
            parts.Add(random.Next(6) switch
            {
                0 => Option(3),
                1 => Option(6, NbdClient.Text(string.Empty), NbdClient.Number((ushort)1), NbdClient.Number((ushort)random.Next(4))),
                2 => Option(9, NbdClient.Text(string.Empty), NbdClient.Number(1u), NbdClient.Text("base:")),
                3 => Option(10, NbdClient.Text(string.Empty), NbdClient.Number(1u), NbdClient.Text("base:allocation")),
                _ => Option(8),
            });
        }

        parts.Add(random.Next(4) == 0 ? Option(1) : Option(7, NbdClient.Text(string.Empty), NbdClient.Number((ushort)0)));
        for (int requests = random.Next(12); requests > 0; requests--)
        {
            ushort command = (ushort)new[] { 0, 0, 1, 1, 3, 4, 5, 6, 7 }[random.Next(9)];
            ulong offset = (ulong)random.NextInt64(size);
            uint length = (uint)random.NextInt64(1, Math.Min(command == 1 ? 3000 : 200_000, size - (long)offset) + 1);
            parts.Add(Request(command, offset, command == 3 ? 0 : length, (ulong)requests, command == 1 ? new byte[length] : []));
        }

        if (random.Next(2) == 0)
            parts.Add(Request(2, 0, 0, 0, []));
        return parts;
    }

    private static byte[] Option(uint option, params byte[][] data)
        => [.. "IHAVEOPT"u8, .. NbdClient.Number(option), .. NbdClient.Number((uint)data.Sum(part => part.Length)), .. data.SelectMany(part => part)];

    private static byte[] Request(ushort command, ulong offset, uint length, ulong cookie, byte[] payload)
        => [.. NbdClient.RequestBytes(command, offset, length, cookie), .. payload];

    private static void ChangeOrder(Random random, List<byte[]> parts)
    {
        int at = random.Next(parts.Count);
        switch (random.Next(3))
        {
            case 0:
                parts.Insert(random.Next(parts.Count + 1), parts[at]);
                break;
            case 1 when parts.Count > 1:
                parts.RemoveAt(at);
                break;
            default:
                int other = random.Next(parts.Count);
                (parts[at], parts[other]) = (parts[other], parts[at]);
                break;
        }
    }

    private static byte[] Change(Random random, byte[] bytes)
    {
        if (bytes.Length == 0)
            return [1];
        // What is said first decides most.
        int at = random.Next(random.Next(2) == 0 ? Math.Min(bytes.Length, 200) : bytes.Length);
        int count = Math.Min(random.Next(1, 40), bytes.Length - at);
        switch (random.Next(6))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                byte[] number = NbdClient.Number(Telling[random.Next(Telling.Length)]);
                number.AsSpan(0, Math.Min(4, bytes.Length - at)).CopyTo(bytes.AsSpan(at));
                return bytes;
            case 2:
                return [.. bytes.AsSpan(0, at), .. bytes.AsSpan(at + count)];
            case 3:
                return [.. bytes.AsSpan(0, at + count), .. bytes.AsSpan(at)];
            case 4:
                byte[] noise = new byte[count];
                random.NextBytes(noise);
                return [.. bytes.AsSpan(0, at), .. noise, .. bytes.AsSpan(at)];
            default:
                return bytes[..at];
        }
    }
}
