using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

#pragma warning disable IDE0130 // Where the compiler looks for them.

namespace System.Runtime.CompilerServices
{
    internal static class RuntimeHelpers
    {
        // The compiler looks for all of them in one place, and this one hides the framework's.
        private static readonly Action<Array, RuntimeFieldHandle> Initialize = (Action<Array, RuntimeFieldHandle>)Delegate.CreateDelegate(
            typeof(Action<Array, RuntimeFieldHandle>), typeof(object).Assembly.GetType("System.Runtime.CompilerServices.RuntimeHelpers").GetMethod("InitializeArray"));

        public static void InitializeArray(Array array, RuntimeFieldHandle field) => Initialize(array, field);

        public static T[] GetSubArray<T>(T[] array, Range range)
        {
            (int offset, int length) = range.GetOffsetAndLength(array.Length);
            return array.AsSpan(offset, length).ToArray();
        }
    }
}

namespace System.Runtime.InteropServices
{
    internal static class MarshalPolyfills
    {
        extension(Marshal)
        {
            internal static string GetLastPInvokeErrorMessage() => new ComponentModel.Win32Exception().Message;
        }
    }

    internal static class CollectionsMarshal
    {
        internal static IList<T> AsSpan<T>(List<T> all) => all;
    }

    internal static class NativeLibrary
    {
        internal static bool TryLoad(string name, out nint library)
        {
            library = 0;
            return false;
        }

        internal static bool TryGetExport(nint library, string name, out nint address)
        {
            address = 0;
            return library != 0 && name.Length == 0;
        }
    }
}

namespace System.Collections.Generic
{
    internal static class CollectionPolyfills
    {
        internal static void Deconstruct<TKey, TValue>(this KeyValuePair<TKey, TValue> pair, out TKey key, out TValue value)
        {
            key = pair.Key;
            value = pair.Value;
        }

        internal static TValue? GetValueOrDefault<TKey, TValue>(this Dictionary<TKey, TValue> all, TKey key)
            => all.TryGetValue(key, out TValue value) ? value : default;

        internal static bool TryAdd<TKey, TValue>(this Dictionary<TKey, TValue> all, TKey key, TValue value)
        {
            if (all.ContainsKey(key))
                return false;
            all.Add(key, value);
            return true;
        }
    }
}

namespace System.Linq
{
    internal static class LinqPolyfills
    {
        internal static IOrderedEnumerable<T> Order<T>(this IEnumerable<T> all, IComparer<T>? comparer = null) => all.OrderBy(one => one, comparer ?? Comparer<T>.Default);

        internal static IEnumerable<(TFirst First, TSecond Second)> Zip<TFirst, TSecond>(this IEnumerable<TFirst> first, IEnumerable<TSecond> second) => first.Zip(second, (one, other) => (one, other));

        internal static IEnumerable<T> SkipLast<T>(this IReadOnlyCollection<T> all, int count) => all.Take(all.Count - count);

        internal static IEnumerable<KeyValuePair<TKey, int>> CountBy<T, TKey>(this IEnumerable<T> all, Func<T, TKey> key) => all.GroupBy(key).Select(group => new KeyValuePair<TKey, int>(group.Key, group.Count()));

        internal static Dictionary<TKey, TValue> ToDictionary<TKey, TValue>(this IEnumerable<KeyValuePair<TKey, TValue>> all) => all.ToDictionary(pair => pair.Key, pair => pair.Value);

        internal static IEnumerable<T[]> Chunk<T>(this T[] all, int size)
        {
            for (int at = 0; at < all.Length; at += size)
                yield return all.AsSpan(at, Math.Min(size, all.Length - at)).ToArray();
        }
    }
}

namespace System
{
    /// <summary>What .NET has and .NET Framework has not, as far as the tests ask for it.</summary>
    internal static class SystemPolyfills
    {
        extension(OperatingSystem)
        {
            internal static bool IsLinux() => IO.Path.DirectorySeparatorChar == '/';

            internal static bool IsWindows() => IO.Path.DirectorySeparatorChar == '\\';
        }

        extension(GC)
        {
            internal static long GetAllocatedBytesForCurrentThread()
            {
                Xunit.Assert.Skip("only .NET counts what a thread allocates");
                return 0;
            }
        }

        extension(Math)
        {
            internal static int Clamp(int value, int least, int most) => Math.Min(Math.Max(value, least), most);

            internal static long Clamp(long value, long least, long most) => Math.Min(Math.Max(value, least), most);
        }

        extension(Array)
        {
            internal static void Fill<T>(T[] array, T value) => array.AsSpan().Fill(value);

            internal static void Fill<T>(T[] array, T value, int start, int count) => array.AsSpan(start, count).Fill(value);
        }

        extension(Environment)
        {
            internal static bool IsPrivilegedProcess => Environment.UserName == "root";
        }

        extension(long)
        {
            internal static long Parse(ReadOnlySpan<char> text, Globalization.NumberStyles style, IFormatProvider culture) => long.Parse(text.ToString(), style, culture);
        }

        extension(TimeSpan)
        {
            internal static TimeSpan FromMicroseconds(long value) => TimeSpan.FromTicks(value * 10);
        }

        extension(DateTime)
        {
            internal static DateTime UnixEpoch => new(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        }

        extension(BitConverter)
        {
            internal static bool TryWriteBytes(Span<byte> target, ulong value) => BitConverter.GetBytes(value).AsSpan().TryCopyTo(target);

            internal static long ToInt64(ReadOnlySpan<byte> bytes) => BitConverter.ToInt64(bytes.Slice(0, 8).ToArray(), 0);
        }

        extension(ObjectDisposedException)
        {
            internal static void ThrowIf(bool isDisposed, object instance)
            {
                if (isDisposed)
                    throw new ObjectDisposedException(instance.GetType().FullName);
            }
        }

        extension(string)
        {
            internal static string Join(char separator, IEnumerable<string> all) => string.Join(separator.ToString(), all);

            internal static string Join<T>(char separator, IEnumerable<T> all) => string.Join(separator.ToString(), all);

            internal static string Create(IFormatProvider culture, FormattableString text) => text.ToString(culture);
        }

        extension(string text)
        {
            internal string Replace(string old, string replacement, StringComparison comparison)
                => comparison == StringComparison.Ordinal ? text.Replace(old, replacement) : throw new ArgumentOutOfRangeException(nameof(comparison));
        }

        extension(Random random)
        {
            internal void Shuffle<T>(IList<T> all)
            {
                for (int i = 0; i < all.Count - 1; i++)
                {
                    int other = random.Next(i, all.Count);
                    (all[i], all[other]) = (all[other], all[i]);
                }
            }

            internal long NextInt64(long most) => (long)(random.NextDouble() * most);

            internal long NextInt64(long least, long most)
            {
                byte[] bytes = new byte[8];
                random.NextBytes(bytes);
                long value = BitConverter.ToInt64(bytes, 0);
                return value == most || value < least ? least : value;
            }

            internal void NextBytes(Span<byte> target)
            {
                byte[] bytes = new byte[target.Length];
                random.NextBytes(bytes);
                bytes.CopyTo(target);
            }
        }

        extension(CancellationTokenSource source)
        {
            internal Task CancelAsync() => Task.Run(source.Cancel);
        }

        internal static int IndexOfAnyExcept(this Span<byte> bytes, byte value) => ((ReadOnlySpan<byte>)bytes).IndexOfAnyExcept(value);

        internal static int IndexOfAnyExcept(this ReadOnlySpan<byte> bytes, byte value)
        {
            for (int i = 0; i < bytes.Length; i++)
            {
                if (bytes[i] != value)
                    return i;
            }

            return -1;
        }

        internal static bool ContainsAnyExcept(this ReadOnlySpan<byte> bytes, byte value) => bytes.IndexOfAnyExcept(value) >= 0;

        internal static int CommonPrefixLength(this Span<byte> bytes, ReadOnlySpan<byte> other) => ((ReadOnlySpan<byte>)bytes).CommonPrefixLength(other);

        internal static int CommonPrefixLength(this ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> other)
        {
            int count = Math.Min(bytes.Length, other.Length);
            for (int i = 0; i < count; i++)
            {
                if (bytes[i] != other[i])
                    return i;
            }

            return count;
        }
    }
}

namespace System.Text
{
    internal static class EncodingPolyfills
    {
        internal static int GetBytes(this Encoding encoding, string text, Span<byte> target)
        {
            byte[] bytes = encoding.GetBytes(text);
            bytes.CopyTo(target);
            return bytes.Length;
        }

        internal static string GetString(this Encoding encoding, ReadOnlySpan<byte> bytes) => encoding.GetString(bytes.ToArray());
    }
}
