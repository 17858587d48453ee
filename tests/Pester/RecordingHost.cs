// A host that keeps what a session shows and when, and answers its questions. C# 5, for Windows PowerShell.
using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace QedTests
{
    public sealed class ShownProgress
    {
        public TimeSpan Time { get; set; }

        public int ActivityId { get; set; }

        public string Activity { get; set; }

        public string Status { get; set; }

        public int PercentComplete { get; set; }

        public int SecondsRemaining { get; set; }

        public bool IsCompleted { get; set; }
    }

    public sealed class RecordingHost : PSHost
    {
        private readonly Guid _id = Guid.NewGuid();
        private readonly RecordingInterface _ui;

        /// <param name="answer">Index of the choice that every question is answered with.</param>
        public RecordingHost(int answer)
        {
            _ui = new RecordingInterface(answer);
        }

        public ShownProgress[] Progress
        {
            get { return _ui.TakeProgress(); }
        }

        public string[] Lines
        {
            get { return _ui.Lines.ToArray(); }
        }

        public string[] Questions
        {
            get { return _ui.Questions.ToArray(); }
        }

        public override CultureInfo CurrentCulture
        {
            get { return CultureInfo.InvariantCulture; }
        }

        public override CultureInfo CurrentUICulture
        {
            get { return CultureInfo.InvariantCulture; }
        }

        public override Guid InstanceId
        {
            get { return _id; }
        }

        public override string Name
        {
            get { return "Recording"; }
        }

        public override PSHostUserInterface UI
        {
            get { return _ui; }
        }

        public override Version Version
        {
            get { return new Version(1, 0); }
        }

        public override void EnterNestedPrompt()
        {
        }

        public override void ExitNestedPrompt()
        {
        }

        public override void NotifyBeginApplication()
        {
        }

        public override void NotifyEndApplication()
        {
        }

        public override void SetShouldExit(int exitCode)
        {
        }
    }

    public sealed class RecordingInterface : PSHostUserInterface
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private readonly List<ShownProgress> _progress = new List<ShownProgress>();
        private readonly int _answer;

        public RecordingInterface(int answer)
        {
            _answer = answer;
            Lines = new List<string>();
            Questions = new List<string>();
        }

        public List<string> Lines { get; private set; }

        public List<string> Questions { get; private set; }

        public override PSHostRawUserInterface RawUI
        {
            get { return null; }
        }

        public ShownProgress[] TakeProgress()
        {
            lock (_progress)
                return _progress.ToArray();
        }

        public override void WriteProgress(long sourceId, ProgressRecord record)
        {
            lock (_progress)
            {
                _progress.Add(new ShownProgress
                {
                    Time = _clock.Elapsed,
                    ActivityId = record.ActivityId,
                    Activity = record.Activity,
                    Status = record.StatusDescription,
                    PercentComplete = record.PercentComplete,
                    SecondsRemaining = record.SecondsRemaining,
                    IsCompleted = record.RecordType == ProgressRecordType.Completed,
                });
            }
        }

        public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
        {
            Questions.Add(message);
            return _answer;
        }

        public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions)
        {
            throw new NotSupportedException(message);
        }

        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName)
        {
            throw new NotSupportedException(message);
        }

        public override PSCredential PromptForCredential(
            string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options)
        {
            throw new NotSupportedException(message);
        }

        public override string ReadLine()
        {
            throw new NotSupportedException();
        }

        public override SecureString ReadLineAsSecureString()
        {
            throw new NotSupportedException();
        }

        public override void Write(string value)
        {
            Lines.Add(value);
        }

        public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value)
        {
            Lines.Add(value);
        }

        public override void WriteLine(string value)
        {
            Lines.Add(value);
        }

        public override void WriteErrorLine(string value)
        {
            Lines.Add("ERROR: " + value);
        }

        public override void WriteDebugLine(string message)
        {
            Lines.Add("DEBUG: " + message);
        }

        public override void WriteVerboseLine(string message)
        {
            Lines.Add("VERBOSE: " + message);
        }

        public override void WriteWarningLine(string message)
        {
            Lines.Add("WARNING: " + message);
        }
    }
}
