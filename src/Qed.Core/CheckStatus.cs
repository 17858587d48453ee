namespace Qed;

/// <summary>What a check or a repair came to.</summary>
public enum CheckStatus
{
    /// <summary>Nothing is wrong.</summary>
    Clean,

    /// <summary>Space is lost, data is not.</summary>
    Leaked,

    /// <summary>Tables break a rule, so that data may be lost.</summary>
    Corrupt,

    /// <summary>Something was wrong and has been mended.</summary>
    Repaired,

    /// <summary>Something is wrong and could not be mended.</summary>
    Failed,
}
